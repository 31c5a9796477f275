import httpx

response = httpx.post(
    "https://<your-endpoint>.octoai.run/infer-form-data",
    files={"file": open("audio.wav", "rb")},
    data={"metadata": "Some info about this audio file"},
)
