from project_folder import folder

__all__ = ["folder"]
