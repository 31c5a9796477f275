INPUT_SCHEMA = {
    "text": {"datatype": "STRING", "required": True, "shape": [1], "example": ["to be or not to be"]},
    "top": {"datatype": "INT8", "required": False, "shape": [1], "example": [3]},
}
