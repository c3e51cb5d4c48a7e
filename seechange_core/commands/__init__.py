"""The commands of `seechange`, one file each."""
