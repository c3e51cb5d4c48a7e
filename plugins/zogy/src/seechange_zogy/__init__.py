"""Image subtraction by the method of Zackay, Ofek and Gal-Yam (2016) for SeeChange."""
