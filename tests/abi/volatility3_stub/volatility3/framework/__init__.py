"""As much of volatility3's interface as samples/volatility3_hibtool.py uses, for machines without volatility3."""
