"""Makes a tiny T5 and a tiny Wav2Vec 2.0 and teaches each a little, in seconds and without any download.

Run by the torch environment: `python tiny_models.py FOLDER` writes FOLDER/flan-t5 and FOLDER/wav2vec, laid out as on
the Hugging Face Hub.
"""

import json
import math
import sys
from pathlib import Path

import sentencepiece
import torch
from tiny_answers import ANSWERS, RATE, WORDS
from transformers import (
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)


def flan_t5(folder: Path) -> None:
    """Teach a T5 of two small layers the answers, over a vocabulary made from them."""
    folder.mkdir(parents=True)
    text = folder / "text.txt"
    text.write_text("\n".join([*ANSWERS, *ANSWERS.values()] * 50))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "spiece"), vocab_size=64, hard_vocab_limit=False,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2,
    )  # fmt: skip
    text.unlink()
    tokenizer = T5Tokenizer.from_pretrained(folder)
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer), d_model=48, d_kv=16, d_ff=96, num_layers=2, num_heads=3, dropout_rate=0.0,
            decoder_start_token_id=0,
        )
    )  # fmt: skip
    asked = tokenizer(list(ANSWERS), return_tensors="pt", padding=True)
    labels = tokenizer(list(ANSWERS.values()), return_tensors="pt", padding=True).input_ids
    labels[labels == tokenizer.pad_token_id] = -100
    teach(model, lambda: model(**asked, labels=labels).loss)
    model.save_pretrained(folder)


def wav2vec(folder: Path) -> None:
    """Teach a Wav2Vec 2.0 of one small layer to tell two tones apart."""
    folder.mkdir(parents=True)
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *sorted(set("".join(WORDS.values())))]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(vocabulary))
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=RATE, do_normalize=True)
    processor = Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)
    model = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(letters), pad_token_id=0, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=64, conv_dim=(32, 32), conv_kernel=(40, 20), conv_stride=(20, 20),
            num_feat_extract_layers=2, feat_extract_norm="layer", num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            apply_spec_augment=False, hidden_dropout=0.0, attention_dropout=0.0, feat_proj_dropout=0.0,
            activation_dropout=0.0, final_dropout=0.0, layerdrop=0.0, ctc_loss_reduction="mean",
            ctc_zero_infinity=True,
        )
    )  # fmt: skip
    labels = tokenizer(list(WORDS.values()), return_tensors="pt", padding=True).input_ids
    labels[labels == tokenizer.pad_token_id] = -100

    def loss() -> torch.Tensor:
        moments = torch.rand(1) + torch.arange(RATE // 2) / RATE
        tones = [torch.sin(2 * math.pi * hertz * moments) + 0.01 * torch.randn(RATE // 2) for hertz in WORDS]
        heard = processor([tone.numpy() for tone in tones], sampling_rate=RATE, return_tensors="pt")
        return model(heard.input_values, labels=labels).loss

    teach(model, loss)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def teach(model, loss_of, steps: int = 2000, enough: float = 0.01) -> None:
    """Descend until the model has learned its lesson by heart."""
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = loss_of()
        if loss.item() < enough:
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    raise RuntimeError(f"{type(model).__name__} did not learn its lesson: loss {loss.item():.3f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    flan_t5(Path(sys.argv[1]) / "flan-t5")
    wav2vec(Path(sys.argv[1]) / "wav2vec")
