SELECT date, hour FROM causeway_asked;
