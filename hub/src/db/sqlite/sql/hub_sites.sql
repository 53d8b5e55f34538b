SELECT site FROM site ORDER BY site;
