from typing import Any, Dict

from octoai.service import Service, path
from octoai.types import File

class FormDataService(Service):
    def setup(self):
        print("Setting up FormDataService")

    def infer(self, data: str) -> str:
        # the endpoint will expose both methods
        return "Use /infer-form-data for form data inference"

    @path("/infer-form-data")
    def infer_form_data(self, file: File, metadata: str) -> Dict[str, Any]:
        # this simple example shows the file information
        # you can instead send the file contents to your model
        return {
            "file_name": file.filename,
            "file_content_type": file.content_type,
            "file_size": file.size,
            "metadata": metadata,
        }
