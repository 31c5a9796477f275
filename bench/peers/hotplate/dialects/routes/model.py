def predict(prompt):
    return prompt
