// Ships one file from inside a program:  node dist/examples/embed-shipper.js FILE [PORT]
// It needs a log server on this machine: `make run` starts one.

import { createShipper, EXIT, LogshipError } from "logship";

const [logFile = "sample_logs.txt", port = "9000"] = process.argv.slice(2);

const shipper = createShipper({
  logFile,
  serverPort: Number(port),
  fields: new Map([["service", "example"]]),
  connectAttempts: 2,
});
shipper.on("log", (level, message) => process.stderr.write(`${level}: ${message}\n`));
shipper.on("refused", (events, reason) => process.stderr.write(`${events} refused: ${reason}\n`));

try {
  await shipper.start();
  const { sent, failed, settledBytes } = await shipper.finished();
  process.stdout.write(
    `${logFile}: ${sent} lines stored, ${failed} refused, ${settledBytes} bytes settled\n`,
  );
  process.exitCode = failed > 0 ? EXIT.refused : EXIT.ok;
} catch (error) {
  if (!(error instanceof LogshipError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
