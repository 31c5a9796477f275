"""Example Hotplate service scaffold: Hello World."""

from hotplate import Service


class HelloService(Service):
    """A Hotplate service extends hotplate.Service."""

    def setup(self):
        """Perform initialization."""
        print("Setting up.")

    def infer(self, prompt: str) -> str:
        """Perform inference."""
        return prompt
