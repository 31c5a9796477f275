INPUT_SCHEMA = {
    "petal_length": {"datatype": "FP64", "required": True, "shape": [1], "example": [1.4]},
    "petal_width": {"datatype": "FP64", "required": False, "shape": [1], "example": [0.2]},
}
