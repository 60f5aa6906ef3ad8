"""Every golden vector that the real Quartz printed, against the parts that must agree with it."""
