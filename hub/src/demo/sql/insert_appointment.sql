INSERT INTO Appointment
    (AppointmentId, CustomerId, ConsultantId, Date, Time, Duration, Status, MeetingUrl,
     Description, CreatedAt, UpdatedAt)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
