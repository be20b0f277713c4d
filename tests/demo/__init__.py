"""`make demo`: the whole story on one virtual machine with a wrong clock, told as it happens."""
