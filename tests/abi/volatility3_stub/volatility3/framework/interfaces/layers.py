class DataLayerInterface:
    def __init__(self, context, config_path, name, metadata=None):
        self.name = name
        self.config = {"location": context.config[config_path + ".location"]}
