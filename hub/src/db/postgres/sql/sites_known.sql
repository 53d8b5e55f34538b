SELECT site FROM causeway.site;
