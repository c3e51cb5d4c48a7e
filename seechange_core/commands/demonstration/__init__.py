"""What `seechange demo` does: simulate a survey, process it, compare with the truth, draw pictures."""
