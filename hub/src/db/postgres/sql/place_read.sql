SELECT causeway.place();
