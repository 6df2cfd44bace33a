#!/usr/bin/env node
import { runServer } from "./src/cli/server.ts";

const { argv, env, stdout, stderr } = process;
process.exitCode = await runServer({ argv: argv.slice(2), env, stdout, stderr });
