from octoai.service import Service, path
from octoai.types import File, Image


class PayloadService(Service):
    def infer(self, image: Image) -> int:
        return len(image.to_bytes())

    @path("/infer-form-data")
    def infer_form_data(self, image: File) -> int:
        return len(image.file.read())
