// A program that looks like the log server to who starts and stops it: it answers, and stores nothing.
import { createServer } from "node:net";

const { SERVER_HOST, SERVER_PORT, STORE_DIR, STAND_IN } = process.env;

if (STAND_IN === "dies") {
  process.stderr.write("the store cannot be written\n");
  process.exit(78);
}
process.on("SIGTERM", () => {
  if (STAND_IN !== "deaf") process.exit(0);
});
createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", () => {
    socket.write('{"status": "error", "message": "missing required fields: level, message"}\n');
  });
}).listen(Number(SERVER_PORT), SERVER_HOST, () => {
  process.stderr.write(`storing in ${STORE_DIR}\nlistening on ${SERVER_HOST}:${SERVER_PORT}\n`);
});
