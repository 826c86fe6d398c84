class InvalidAddressException(Exception):
    def __init__(self, layer_name, invalid_address, *args):
        super().__init__(*args)
        self.layer_name = layer_name
        self.invalid_address = invalid_address
