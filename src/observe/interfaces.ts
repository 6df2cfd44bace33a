/** How much a message of a program's own log matters. */
export type LogLevel = "info" | "warn" | "error";

/** Takes a message for a program's own log. Does not throw. */
export type Report = (level: LogLevel, message: string) => void;
