SELECT consultantid, fullname FROM consultant ORDER BY consultantid
