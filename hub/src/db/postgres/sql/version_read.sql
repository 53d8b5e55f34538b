SELECT version FROM causeway.version;
