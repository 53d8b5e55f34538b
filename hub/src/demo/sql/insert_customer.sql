INSERT INTO Customer
    (CustomerId, FullName, Email, PhoneNumber, DateOfBirth, CreatedAt, IsDisabled, Notes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
