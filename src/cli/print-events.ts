/**
 * Prints stored events for a person to watch, a line each: `[LEVEL] message`. Control characters are shown as
 * escapes, so that no event can move the cursor or forge a line.
 */
export function eventPrinter(stream: NodeJS.WritableStream): (ndjson: Buffer) => void {
  return (ndjson) => {
    let text = "";
    for (const line of ndjson.toString().split("\n")) {
      if (line === "") continue;
      const { level, message } = JSON.parse(line) as { level: string; message: string };
      text += `[${visible(level)}] ${visible(message)}\n`;
    }
    stream.write(text);
  };
}

function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[\x7f-\x9f]$/, escapeC1),
  );
}

function escapeC1(char: string): string {
  return `\\u00${char.charCodeAt(0).toString(16)}`;
}
