#!/usr/bin/env node
import { runClient } from "./src/cli/client.ts";

const { argv, env, stdout, stderr } = process;
process.exitCode = await runClient({ argv: argv.slice(2), env, stdout, stderr });
