from octoai.service import Service
from octoai.types import Video

class MyService(Service):

    def infer(self, video: Video) -> str:
        video_frames = video.to_numpy()
        output = self.model(video_frames)

        return output[0]
