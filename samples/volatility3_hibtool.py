"""A volatility3 layer over every image that hibtool opens: vol -p samples -f crash.hib banners.Banners"""

from urllib.parse import urlparse
from urllib.request import url2pathname

import hibtool
from volatility3.framework import exceptions, interfaces
from volatility3.framework.configuration import requirements


class HibtoolLayer(interfaces.layers.DataLayerInterface):
    minimum_address = 0
    maximum_address = 0  # of the object, once it is opened

    def __init__(self, context, config_path, name, metadata=None):
        super().__init__(context, config_path, name, metadata)
        self._image = hibtool.Image.open(url2pathname(urlparse(self.config["location"]).path), salvage=True)
        self.maximum_address = self._image.end_pfn * self._image.page_size - 1

    def is_valid(self, offset, length=1):
        return self._image.holds(offset, length)

    def read(self, offset, length, pad=False):
        try:
            return self._image.read(offset, length, pad=pad)
        except hibtool.HibtoolError as error:
            raise exceptions.InvalidAddressException(self.name, offset, str(error)) from error

    def write(self, offset, data):
        raise NotImplementedError("an image is only read")

    def destroy(self):
        self._image.close()

    @classmethod
    def get_requirements(cls):
        return [requirements.URIRequirement(name="location", description="The image", optional=False)]


class HibtoolStacker(interfaces.automagic.StackerLayerInterface):
    stack_order = 1  # before the readers of single formats

    @classmethod
    def stack(cls, context, layer_name, progress_callback=None):
        location = getattr(context.layers[layer_name], "location", None)
        name = context.layers.free_layer_name("HibtoolLayer")
        try:
            context.config[interfaces.configuration.path_join(name, "location")] = location
            return HibtoolLayer(context, name, name) if location else None
        except hibtool.HibtoolError:
            return None
