WHERE a.appointmentid = $1
