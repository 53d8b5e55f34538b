SELECT AppointmentId
FROM Appointment
WHERE Date = ?1 AND Status = 'confirmed'
ORDER BY AppointmentId
LIMIT 1
