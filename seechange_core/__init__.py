"""SeeChange: from the raw exposures of a time-domain survey to objects and light curves."""

__version__ = "0.1.0"
