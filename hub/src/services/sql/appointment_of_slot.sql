WHERE a.consultantid = $1 AND a."date" = $2 AND a."time" = $3 AND a.status <> 'cancelled'
ORDER BY a.appointmentid
LIMIT 1
