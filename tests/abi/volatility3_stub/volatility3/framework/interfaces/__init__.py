from volatility3.framework.interfaces import automagic, configuration, layers  # noqa: F401
