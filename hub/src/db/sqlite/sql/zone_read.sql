SELECT zone FROM causeway_site;
