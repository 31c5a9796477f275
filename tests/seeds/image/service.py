from octoai.service import Service

class MyService(Service):

    def infer(self, image: Image) -> str:
        image_pil = image.to_pil()
        output = self.model(image_pil)

        return output[0]
