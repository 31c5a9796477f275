// Server-sent events out of a response, as they come (WHATWG HTML, "Parsing an event stream").

/** Yield { event, data } for each event of a response body. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = "";
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { event: event || "message", data: data.join("\n") };
          [event, data] = ["", []];
          continue;
        }
        const [, field, text] = /^([^:]*)(?:: ?(.*))?$/.exec(line);
        if (field === "data") data.push(text ?? "");
        else if (field === "event") event = text ?? "";
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
