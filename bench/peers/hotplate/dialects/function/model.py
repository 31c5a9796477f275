def predict(prompt: str) -> str:
    return prompt
