from octoai.service import Service, path

class MultipleRoutesService(Service):

    def setup(self):
        print("Setting up MultipleRoutesService")

    # the infer() endpoint is always required
    def infer(self, prompt: str) -> str:
        return prompt

    # this method is exposed as /new-route
    @path("/new-route")
    def my_new_route(self, input_text: str):
        return input_text

    # this method is exposed as /my-new-route2
    def my_new_route2(self, input_text: str):
        return input_text
