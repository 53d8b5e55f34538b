-- No loader's connection any more. Its staging tables go.
RESET causeway.loader;
DISCARD TEMP;
