SELECT rating, customerfeedback, createdat
FROM appointmentfeedback
WHERE appointmentid = $1
