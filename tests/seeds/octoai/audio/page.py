from octoai.service import Service
from octoai.types import Audio

class MyService(Service):

    def infer(self, audio: Audio) -> str:
        audio_array, sampling_rate = audio.to_numpy()
        output = self.model(audio_array, sampling_rate)

        return output[0]
