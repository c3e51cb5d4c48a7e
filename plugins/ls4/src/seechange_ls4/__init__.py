"""The camera of the La Silla Schmidt Southern Survey (LS4) for SeeChange."""
