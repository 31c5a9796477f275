"""`deepaas.model.v2.wrapper`: the class of uploaded files."""

from hotplate.dialects.entry_point_files import UploadedFile

__all__ = ["UploadedFile"]
