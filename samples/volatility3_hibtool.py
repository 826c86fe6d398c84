"""A volatility3 layer over every image that hibtool opens: vol -p samples -f crash.hib banners.Banners"""

import bisect
import urllib.parse
import urllib.request

import hibtool
from volatility3.framework import exceptions, interfaces
from volatility3.framework.configuration import requirements


class HibtoolLayer(interfaces.layers.DataLayerInterface):
    minimum_address = 0
    maximum_address = 0  # of the object, once it is opened

    def __init__(self, context, config_path, name, metadata=None):
        super().__init__(context, config_path, name, metadata)
        path = urllib.request.url2pathname(urllib.parse.urlparse(self.config["location"]).path)
        self._image = hibtool.Image.open(path, salvage=True)
        size = self._image.page_size
        self.maximum_address = self._image.end_pfn * size - 1
        self._ends, self._starts = [], []  # of memory that can be read, ascending
        for run in self._image.runs:
            if run.state in ("data", "fill") and self._ends[-1:] == [run.first_pfn * size]:
                self._ends[-1] = run.end_pfn * size
            elif run.state in ("data", "fill"):
                self._starts.append(run.first_pfn * size)
                self._ends.append(run.end_pfn * size)

    def is_valid(self, offset, length=1):
        at = bisect.bisect_right(self._ends, offset)
        return at < len(self._ends) and self._starts[at] <= offset and offset + length <= self._ends[at]

    def read(self, offset, length, pad=False):
        try:
            return self._image.read(offset, length)
        except hibtool.HibtoolError as error:
            if not pad:
                raise exceptions.InvalidAddressException(self.name, offset, str(error)) from error
        size = self._image.page_size
        pages = range(offset // size, (offset + length - 1) // size + 1)
        return b"".join(map(self._page_or_zeros, pages))[offset % size:][:length]

    def _page_or_zeros(self, pfn):
        try:
            return self._image.read_page(pfn)
        except hibtool.HibtoolError:
            return bytes(self._image.page_size)

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
