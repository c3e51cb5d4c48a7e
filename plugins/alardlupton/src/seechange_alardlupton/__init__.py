"""Image subtraction by the method of Alard and Lupton (1998) for SeeChange."""
