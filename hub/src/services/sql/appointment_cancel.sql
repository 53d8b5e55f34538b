UPDATE appointment
SET status = 'cancelled', updatedat = $2
WHERE appointmentid = $1 AND status IN ('pending', 'confirmed')
RETURNING appointmentid
