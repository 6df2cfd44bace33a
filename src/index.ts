// What an embedding program may import. Everything else is internal and may change.

export { EXIT, type ExitCode, LogshipError } from "./errors.ts";
export { createLogServer, type LogServer } from "./server/log-server.ts";
export type { LogServerOptions } from "./server/options.ts";
export type { LogServerStats } from "./server/stats.ts";
export { createShipper, type Shipper, type ShipperOptions, type ShipperStats } from "./shipper.ts";
