SELECT revision FROM causeway_site;
