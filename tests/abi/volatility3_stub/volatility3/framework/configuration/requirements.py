class URIRequirement:
    def __init__(self, name, description=None, default=None, optional=False):
        self.name = name
